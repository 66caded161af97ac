"""The site: settings, URLs, the shared core and the operations above the apps."""

from importlib.util import find_spec

# mysqlclient is faster but needs a compiler to install; PyMySQL is pure Python
# and stands in under its name, so that MySQL works right after `pip install`.
if find_spec("MySQLdb") is None:
    import pymysql

    pymysql.install_as_MySQLdb()

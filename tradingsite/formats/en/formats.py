"""Dates as machines and traders write them, on every page of the admin, with the zone that they are shown in."""

DATE_FORMAT = "Y-m-d"
SHORT_DATE_FORMAT = "Y-m-d"
TIME_FORMAT = "H:i:s"
DATETIME_FORMAT = "Y-m-d H:i:s T"
SHORT_DATETIME_FORMAT = "Y-m-d H:i T"
DECIMAL_SEPARATOR = "."
THOUSAND_SEPARATOR = ","

"""Every address of the site."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from tradingsite.ops.views import favicon, healthz, readyz

# Also for what middleware raises, as when the database goes between two of its queries.
handler500 = "tradingsite.core.middleware.problems.answer_failure"

# Not OPTIONS, which REST framework can't render as a page.
READ = ["get", "head"]

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index"), name="home"),
    path("admin/", admin.site.urls),
    path("api/v1/", include("tradingsite.api_urls")),
    path("api/schema/", SpectacularAPIView.as_view(http_method_names=READ), name="schema"),
    # Browsers ask for it on pages that name no icon.
    path("favicon.ico", favicon, name="favicon"),
    path("healthz/", healthz, name="healthz"),
    path("readyz/", readyz, name="readyz"),
    path("api/docs/", SpectacularSwaggerSplitView.as_view(url_name="schema", http_method_names=READ), name="docs"),
]

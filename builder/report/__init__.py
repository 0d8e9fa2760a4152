"""Results as pages: one file each, readable on a phone, no request to anywhere."""

from builder.report.build_page import build_page
from builder.report.distance_page import distance_page

__all__ = ["build_page", "distance_page"]

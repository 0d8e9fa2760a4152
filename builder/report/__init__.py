"""Results as pages: one file each, readable on a phone, no request to anywhere."""

from builder.report.distance_page import distance_page

__all__ = ["distance_page"]

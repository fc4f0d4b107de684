"""What figures are measured in."""

from typing import Literal

Unit = Literal["count", "customers", "share", "multiple", "seconds", "days", "score", "points", "per_10k", "yuan"]

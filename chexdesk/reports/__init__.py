"""Reports: bytes in, `Report` out."""

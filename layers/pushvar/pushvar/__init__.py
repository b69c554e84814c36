"""pushvar: Go expvar in, Prometheus remote write out."""

__version__ = "0.1.0"

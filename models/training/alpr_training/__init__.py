"""Training of the default models: synthetic plates, plate reader, plate detector."""

__version__ = "0.1.0"

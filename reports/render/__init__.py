"""Table -> text, one small renderer per format."""

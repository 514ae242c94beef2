"""Real data sets brought below the data root: cloned from pinned repositories, or imported from a release."""

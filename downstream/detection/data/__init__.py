"""Boxes: the readers of three formats, what is done about broken labels, the data set of a training."""

"""Accuracy of a trained subnet, measured over a folder of images."""

"""Puts an agent on a board over ssh, upgrades it, and takes it away again.

``inventory`` says which boards, ``facts`` what a board is, ``plan`` decides what is to be done,
``scripts`` and ``services`` write it down as text for a shell, ``ssh`` carries it there and
``install`` does one board after its plan. ``fleet`` does many at once.
"""

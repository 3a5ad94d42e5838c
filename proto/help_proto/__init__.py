"""The wire: protocol buffers of ``help_proto.v1`` and their conversion to records."""

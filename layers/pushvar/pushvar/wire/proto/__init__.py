"""Protobuf messages, generated from the .proto files beside this one by ``make proto``.

Written for pushvar from the field tables of the remote-write specifications and of
``prometheus/client_model``; field numbers and types are theirs. The warm path packs bytes itself:
these classes serve receivers, tests and everything that is not hot.
"""

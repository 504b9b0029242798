"""Decides where each route's engines run and who answers where: pure functions of a snapshot and a moment."""

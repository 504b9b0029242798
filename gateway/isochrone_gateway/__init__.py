"""The AI gateway of Isochrone: one OpenAI-compatible endpoint per site, lawful on every path."""

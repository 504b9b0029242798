"""What a request remembers of those who were asked."""

from typing import Any

from isochrone_gateway.server.pipeline.chain import Chain


def test_a_chain_begins_with_nobody() -> None:
    chain = Chain()
    assert (chain.failures, chain.tried, chain.refused, chain.not_there) == ([], 0, 0, 0)
    assert (chain.tried_engines, chain.tried_keys) == ([], set())
    assert (chain.timer, chain.held, chain.hold_until) == (None, None, None)


def test_once_all_were_tried_everybody_may_be_but_whom_the_law_forbids() -> None:
    chain: Any = Chain()
    chain.tried, chain.refused, chain.not_there = 0b111, 0b010, 1
    chain.tried_engines.append("an engine")
    chain.tried_keys.add("a key")
    chain.failures.append("a failure")
    chain.begin_anew()
    assert (chain.tried, chain.refused) == (0b010, 0b010)
    assert (chain.tried_engines, chain.tried_keys) == ([], set())
    assert (chain.failures, chain.not_there) == (["a failure"], 1), "what happened stays known"

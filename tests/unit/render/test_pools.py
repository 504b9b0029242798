"""What a site is told of its pools: their nodes are those that its engines are put on."""

from tests.unit.render.sample import CLASS, S3, case
from tests.unit.validate import sample
from tests.worlds.build import snapshot

from isochrone.model import PoolAt
from isochrone.render.pools import pools_at


def test_a_site_is_told_of_its_pools_by_name() -> None:
    world = snapshot(
        [
            sample.edge("fra", labels={"region": "europe"}, nodeSelector={"zone": "a"}),
            sample.pool("own", "fra", nodes=2, nodeSelector={"gpu": "h100", "zone": "b"}),
            sample.pool("elsewhere", "ams"),
            sample.pool("everywhere", edgeNodeSelector={"matchLabels": {"region": "europe"}}, device=CLASS),
        ]
    )
    assert pools_at(world.edge_nodes[0], world.pools) == (
        PoolAt(
            name="everywhere", nodes=1, devices_per_node=8, node_selector={"zone": "a"}, device_class="gpu.nvidia.com"
        ),
        PoolAt(
            name="own",
            nodes=2,
            devices_per_node=8,
            node_selector={"gpu": "h100", "zone": "a"},
            resource_name="nvidia.com/gpu",
        ),
    )


def test_others_are_looked_for_where_engines_are_put() -> None:
    made = case("VLLM", S3, CLASS, site={"nodeSelector": {"zone": "a"}}, pool={"nodeSelector": {"gpu": "h100"}})
    [told] = pools_at(made.site, [made.pool] if made.pool is not None else [])
    assert made.pod["nodeSelector"] == told.node_selector == {"gpu": "h100", "zone": "a"}

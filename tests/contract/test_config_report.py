"""What a pod says of its configuration: what one version writes, and what any other reads."""

import contextlib
import datetime as dt
import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isochrone_gateway.config import ConfigError, report
from isochrone_gateway.config.index import Revision
from isochrone_gateway.config.record import Record
from isochrone_gateway.config.report import MAX_MESSAGE, Demand, PodReport, RefusedConfig, RouteServed, Served
from isochrone_gateway.config.tolerance import prune

AT = dt.datetime(2026, 11, 26, 12, 0, 30, tzinfo=dt.UTC)
RUNNING = Revision(epoch=3, sequence=41, digest="a" * 64)
NEWER = Revision(epoch=3, sequence=42, digest="b" * 64)
ZONE = dt.timezone(dt.timedelta(hours=5, minutes=30))
POD = "isochrone-gateway-7d4b9c6f5d-x2x7q"
KEY = re.compile(r"pod\.isochrone\.dev/[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")

# What version 1.0 writes. It is never changed: operators must go on reading it.
WRITTEN = [
    pytest.param(
        PodReport(pod=POD, at=AT), f'{{"pod":"{POD}","at":"2026-11-26T12:00:30Z"}}', id="nothing runs, nothing came"
    ),
    pytest.param(
        PodReport(
            pod=POD,
            at=AT,
            running=RUNNING,
            refused=RefusedConfig(reason="InvalidConfig", message="no é", revision=NEWER),
        ),
        f'{{"pod":"{POD}","at":"2026-11-26T12:00:30Z",'
        f'"running":{{"epoch":3,"sequence":41,"digest":"{"a" * 64}"}},'
        '"refused":{"reason":"InvalidConfig","message":"no é",'
        f'"revision":{{"epoch":3,"sequence":42,"digest":"{"b" * 64}"}}}}}}',
        id="everything",
    ),
    pytest.param(
        PodReport(
            pod=POD,
            at=AT,
            running=RUNNING,
            served=Served(
                seconds=61, answered=900, failed=12, worst=(RouteServed(route="demo/chat", answered=5, failed=12),)
            ),
        ),
        f'{{"pod":"{POD}","at":"2026-11-26T12:00:30Z",'
        f'"running":{{"epoch":3,"sequence":41,"digest":"{"a" * 64}"}},'
        '"served":{"seconds":61,"answered":900,"failed":12,'
        '"worst":[{"route":"demo/chat","answered":5,"failed":12}]}}',
        id="requests too",
    ),
    pytest.param(
        PodReport(pod=POD, at=AT, demand=Demand(seconds=600, routes={"demo/chat": {"DE,FR": 7, "": 1}})),
        f'{{"pod":"{POD}","at":"2026-11-26T12:00:30Z",'
        '"demand":{"seconds":600,"routes":{"demo/chat":{"":1,"DE,FR":7}}}}',
        id="where from",
    ),
    pytest.param(
        PodReport(pod=POD, at=AT, running=RUNNING, served=Served(seconds=0)),
        f'{{"pod":"{POD}","at":"2026-11-26T12:00:30Z",'
        f'"running":{{"epoch":3,"sequence":41,"digest":"{"a" * 64}"}},"served":{{"seconds":0}}}}',
        id="no request yet",
    ),
]


@pytest.mark.parametrize(("said", "text"), WRITTEN)
def test_the_form_stays(said: PodReport, text: str) -> None:
    assert report.encode(said) == text
    assert report.decode(text) == said


revisions = st.builds(
    Revision,
    epoch=st.integers(0, 2**53 - 1),
    sequence=st.integers(0, 2**53 - 1),
    digest=st.text("0123456789abcdef", min_size=64, max_size=64),
)
counts = st.integers(0, 2**53 - 1)
routes = st.builds(RouteServed, route=st.text(min_size=1, max_size=317), answered=counts, failed=counts)
served = st.builds(
    Served, seconds=counts, answered=counts, failed=counts, worst=st.lists(routes, max_size=8).map(tuple)
)
any_text = st.text(st.characters(), max_size=600)
reports = st.builds(
    PodReport,
    pod=st.text(min_size=1, max_size=253),
    at=st.integers(0, 2**37).map(lambda ms: dt.datetime.fromtimestamp(ms / 1000, ZONE)),
    running=st.none() | revisions,
    refused=st.none()
    | st.builds(report.refused, st.sampled_from(["InvalidConfig", "OldSequence"]), any_text, st.none() | revisions),
    served=st.none() | served,
)


@given(reports)
def test_what_is_said_is_read(said: PodReport) -> None:
    text = report.encode(said)
    assert "\n" not in text
    read = report.decode(text)
    assert msgspec.structs.replace(read, at=said.at) == said
    assert dt.timedelta(0) <= said.at - read.at < dt.timedelta(seconds=1)
    assert report.encode(read) == text


@given(any_text)
def test_a_message_is_short_and_is_text(message: str) -> None:
    short = report.refused("NotApplied", message).message
    assert len(short) <= MAX_MESSAGE
    assert short.encode().decode() == short
    assert len(short) == len(message) or short.endswith("...")


def test_what_a_newer_pod_says_beside_is_left_out() -> None:
    revision = '{"epoch":1,"sequence":2,"digest":"%s","signedBy":["hub"]}' % ("c" * 64)
    text = (
        f'{{"pod":"a","at":"2026-11-26T12:00:30Z","load":[1],"running":{revision},'
        f'"refused":{{"reason":"New","more":{{}},"revision":{revision}}},'
        '"served":{"seconds":1,"slow":2,"worst":[{"route":"a/b","failed":3,"why":"x"}]}}'
    )
    read = report.decode(text)
    plain = Revision(epoch=1, sequence=2, digest="c" * 64)
    refused = RefusedConfig(reason="New", revision=plain)
    told = Served(seconds=1, worst=(RouteServed(route="a/b", failed=3),))
    assert read == PodReport(pod="a", at=AT, running=plain, refused=refused, served=told)


def test_an_operator_from_before_requests_were_counted_reads_what_it_knows() -> None:
    """It has a `PodReport` without `served`, and leaves out what it doesn't know."""

    class Before(Record, frozen=True, kw_only=True):
        pod: str
        at: dt.datetime
        running: Revision | None = None
        refused: RefusedConfig | None = None

    text = report.encode(PodReport(pod=POD, at=AT, running=RUNNING, served=Served(seconds=9, answered=4)))
    found, left_out = prune(msgspec.json.decode(text), msgspec.inspect.type_info(Before))
    assert msgspec.convert(found, Before) == Before(pod=POD, at=AT, running=RUNNING)
    assert list(left_out) == ["$.served"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param("", "report: ", id="nothing"),
        pytest.param("{", "report: ", id="half of it"),
        pytest.param("[]", "report: $: Expected `object`", id="no object"),
        pytest.param('{"pod":"a"}', "report: $: Object missing required field `at`", id="no time"),
        pytest.param('{"pod":"a","at":"2026-11-26T12:00:30"}', "report: $.at: ", id="no time zone"),
        pytest.param('{"pod":"","at":"2026-11-26T12:00:30Z"}', "report: $.pod: ", id="no name"),
        pytest.param(
            '{"pod":"a","at":"2026-11-26T12:00:30Z","running":{"epoch":-1}}', "report: $.running.epoch: ", id="epoch"
        ),
        pytest.param(
            '{"pod":"a","at":"2026-11-26T12:00:30Z","served":{"seconds":1,"failed":-1}}',
            "report: $.served.failed: ",
            id="fewer than none failed",
        ),
        pytest.param("[" * 100_000, "report: ", id="deep"),
        pytest.param('{"pod":"\ud800"}', "report: $: is not a JSON document", id="no Unicode"),
    ],
)
def test_what_can_not_be_read_says_where(text: str, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        report.decode(text)
    assert str(caught.value).startswith(problem)


@given(st.text())
def test_reading_gives_a_report_or_a_config_error(text: str) -> None:
    with contextlib.suppress(ConfigError):
        report.decode(text)


# Names


def test_a_pods_annotation_and_field_manager_carry_its_name() -> None:
    assert report.annotation(POD) == f"pod.isochrone.dev/{POD}"
    assert report.field_manager(POD) == f"isochrone-gateway-{POD}"


@pytest.mark.parametrize(
    ("pod", "name"),
    [
        pytest.param("a" * 63, "a" * 63, id="just short enough"),
        pytest.param("a" * 64, f"{'a' * 54}-ffe054fe", id="too long"),
        pytest.param("a" * 50 + "." * 10 + "b" * 10, f"{'a' * 50}-", id="no dots before the hash"),
        pytest.param("fra.example.com", "fra.example.com", id="with dots"),
        pytest.param("edge_1", "edge_1", id="a host's name"),
        pytest.param("edge 1/x", "edge-1-x-", id="what no annotation may have"),
    ],
)
def test_a_name_that_does_not_fit_is_cut_with_a_hash(pod: str, name: str) -> None:
    assert report.annotation(pod).startswith(report.PREFIX + name)


@given(st.text(st.characters(), min_size=1, max_size=253))
def test_every_name_is_one_that_kubernetes_takes(pod: str) -> None:
    assert KEY.fullmatch(report.annotation(pod))
    assert len(report.field_manager(pod)) <= 128


def test_pods_whose_names_are_long_and_alike_are_told_apart() -> None:
    names = {report.annotation("a" * 100 + letter) for letter in "bcdef"}
    assert len(names) == 5

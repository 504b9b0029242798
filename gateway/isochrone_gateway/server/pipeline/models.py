"""GET /v1/models: what this caller may use, and where each model may process its data."""

import msgspec

from isochrone_gateway.server.pipeline.callers import Caller
from isochrone_gateway.server.pipeline.revision import Revision, RouteView
from isochrone_gateway.server.pipeline.rulings import Standpoint


class _Model(msgspec.Struct):
    id: str
    created: int
    jurisdictions: list[str]
    object: str = "model"
    owned_by: str = "isochrone"


class _List(msgspec.Struct):
    data: list[_Model]
    object: str = "list"


def listing(revision: Revision, caller: Caller, standpoint: Standpoint, wanted: str) -> bytes | None:
    """All models, or the wanted one; None if that isn't this caller's to use."""
    if wanted:
        route = revision.names.get(wanted)
        if route is None or not caller.may_use(route.id):
            return None
        return msgspec.json.encode(_model(revision, route, standpoint, name=wanted))
    usable = (route for route in revision.routes if caller.may_use(route.id))
    found = [_model(revision, route, standpoint, name=route.route.name) for route in usable]
    return msgspec.json.encode(_List(sorted(found, key=lambda model: model.id)))


def _model(revision: Revision, route: RouteView, standpoint: Standpoint, *, name: str) -> _Model:
    """Where none of a model's candidates is lawful it is listed all the same: the caller may use it, but not here."""
    judged = standpoint._replace(data_classes=standpoint.data_classes | route.data_classes)
    lawful = revision.rulings.of(route.id, judged, route.state_places).lawful.allowed
    places = {option.candidate.place for option in route.picker.options if lawful & option.place_bit}
    return _Model(name, revision.created, sorted({revision.jurisdictions[place] for place in places}))

"""Whether a place was lawful: the policies as the verifier reads them, asked once for each question."""

from collections.abc import Iterable, Sequence

from isochrone.drill.traffic import Traffic
from isochrone.verify import meaning
from isochrone.verify.declared import Declared
from isochrone.verify.meaning import Place, Question, Subject


class Law:
    """Answers about requests and places."""

    def __init__(self, declared: Declared) -> None:
        self._declared = declared
        self._answers: dict[tuple[str | None, str, Sequence[str], str, Place], str] = {}

    def objection(self, traffic: Traffic, scope: str, place: Place) -> str:
        """Why requests may not be handled there, with the policy that says so; empty if they may."""
        key = (traffic.who, traffic.route.who.id, traffic.origin, scope, place)
        if key not in self._answers:
            self._answers[key] = self._objection(traffic, scope, place)
        return self._answers[key]

    def allows(self, traffic: Traffic, scopes: Iterable[str], place: Place) -> bool:
        """Whether none of these scopes forbids it."""
        return not any(self.objection(traffic, scope, place) for scope in scopes)

    def _objection(self, traffic: Traffic, scope: str, place: Place) -> str:
        tenant = traffic.tenant
        classes = traffic.route.classes | (tenant.classes if tenant else frozenset())
        subject = Subject(traffic.route.who, tenant.who if tenant else None, classes)
        question = Question(subject, traffic.origin, scope, place, self._declared.unbound)
        verdict = meaning.decide(self._declared.policies, question)
        if verdict.allowed:
            return ""
        return f"{verdict.policy}: {verdict.reason}" if verdict.policy else verdict.reason

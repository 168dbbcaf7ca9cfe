"""The one way out: nothing leaves but to hosts that the operator named, and every request stands in a ledger.

Denied by default, and written down before the first byte leaves: no record, no sending. A stop switch refuses what is
new and cuts what runs. Knows nothing of people or policies: who may send what is decided by whoever brings a permit.
"""

from inference.egress.crossing import Crossing
from inference.egress.departures import Departure, Happened, Ledger
from inference.egress.door import Egress
from inference.egress.hosts import is_public
from inference.egress.neighbours import Neighbours
from inference.egress.recording import Passing
from inference.egress.resolving import GuardedResolver
from inference.egress.session import EgressSession
from inference.egress.switch import NEVER_STOPPED, Switch

__all__ = [
    "NEVER_STOPPED",
    "Crossing",
    "Departure",
    "Egress",
    "EgressSession",
    "GuardedResolver",
    "Happened",
    "Ledger",
    "Neighbours",
    "Passing",
    "Switch",
    "is_public",
]

"""Failed sign-ins make the next one wait: 1, 2, 4 … 60 s, for the account and for the address they come from.

Counted in Valkey, so all gateway processes count together. Somebody who keeps trying one account can so make its owner
wait up to LONGEST_DELAY_S; there is no lock-out that needs an administrator.
"""

from __future__ import annotations

import hashlib
import ipaddress
from importlib import resources

from redis.asyncio import Redis
from redis.exceptions import RedisError

from appliance.errors import PartUnavailable, TooManyAttempts

LONGEST_DELAY_S = 60
COUNTED_S = 15 * 60
ADDRESS_FACTOR = 4  # many people may sit behind one address

_SCRIPT = (resources.files("appliance.services.accounts") / "slow_down.lua").read_text(encoding="utf-8")


class SlowDown:
    """free_attempts: failures of one account before the next has to wait."""

    def __init__(self, valkey: Redis, free_attempts: int) -> None:
        self._valkey = valkey
        self._free = free_attempts
        self._script = valkey.register_script(_SCRIPT)

    async def attempt(self, account: str, address: str) -> None:
        """Count an attempt as failed. Raises TooManyAttempts when it has to wait, PartUnavailable without Valkey."""
        keys = [*_keys("account", account), *_keys("address", _network(address))]
        try:
            wait_ms = int(
                await self._script(
                    keys=keys, args=[self._free, self._free * ADDRESS_FACTOR, COUNTED_S, LONGEST_DELAY_S]
                )
            )
        except RedisError as error:
            raise PartUnavailable("Valkey, which counts sign-ins, does not answer.") from error
        if wait_ms > 0:
            raise TooManyAttempts(retry_after_s=-(-wait_ms // 1000))

    async def forgive(self, account: str, address: str) -> None:
        """The attempt was right: forget the account's failures and this one of the address."""
        (count, block), (address_count, _) = _keys("account", account), _keys("address", _network(address))
        try:
            async with self._valkey.pipeline() as pipeline:
                pipeline.delete(count, block)
                pipeline.decr(address_count)
                pipeline.expire(address_count, COUNTED_S)
                await pipeline.execute()
        except RedisError as error:
            raise PartUnavailable("Valkey, which counts sign-ins, does not answer.") from error


def _network(address: str) -> str:
    """An IPv6 host may choose among 2^64 addresses; its network stays."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4:
        return address
    return str(ipaddress.ip_network((parsed, 64), strict=False).network_address)


def _keys(kind: str, value: str) -> tuple[str, str]:
    digest = hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return f"sign-in:{kind}:{digest}:count", f"sign-in:{kind}:{digest}:block"

"""What is happening, in the words of the two labs: acts that follow one another, told from pictures of the cluster."""

from enum import IntEnum

from demo.picture import Picture, Share
from demo.trace import GUEST, OWNER
from entente.api.amounts import count

FULL = 0.95
"""Part of the estate in use from which it counts as full."""


class Act(IntEnum):
    """Acts in their order; an act that was reached is not left for an earlier one."""

    ARRIVES = 0
    BORROWS = 1
    FILLS = 2
    RETURNS = 3
    RESTORED = 4


class Story:
    """Follows the pictures, keeps the acts' times and the peaks that the summary asks for."""

    def __init__(self) -> None:
        self.act = Act.ARRIVES
        self.reached: dict[Act, float] = {Act.ARRIVES: 0.0}
        """Seconds of the replay at which each act began."""
        self.most_borrowed = 0
        """GPUs that the guest had above its guarantee at most."""
        self.most_lent = 0
        """GPUs that the owner lent at most."""
        self.owner_peak = 0
        """GPUs that the owner was charged at most."""

    def follow(self, picture: Picture, elapsed_s: float) -> None:
        owner, guest = _shares(picture)
        self.most_borrowed = max(self.most_borrowed, guest.borrowed)
        self.most_lent = max(self.most_lent, owner.lent)
        self.owner_peak = max(self.owner_peak, owner.charged)
        while self._moves_on(picture, owner, guest):
            self.act = Act(self.act + 1)
            self.reached[self.act] = elapsed_s

    def _moves_on(self, picture: Picture, owner: Share, guest: Share) -> bool:
        full = picture.using >= FULL * picture.capacity > 0
        match self.act:
            case Act.ARRIVES:
                return guest.borrowed > 0
            case Act.BORROWS:
                return full or picture.evictions > 0
            case Act.FILLS:
                return picture.evictions > 0
            case Act.RETURNS:
                return owner.charged >= owner.guaranteed > 0
            case Act.RESTORED:
                return False

    def banner(self, picture: Picture) -> str:
        """One line about the present act, with its numbers."""
        owner, guest = _shares(picture)
        match self.act:
            case Act.ARRIVES:
                return (
                    f"{GUEST} submits its work; {OWNER}'s half of the estate is idle: "
                    f"{picture.using} of {picture.capacity} GPUs in use"
                )
            case Act.BORROWS:
                used = count(guest.using, "GPU")
                return f"{GUEST} fills the idle half: {used}, {guest.borrowed} borrowed from {OWNER}"
            case Act.FILLS:
                return f"The estate is full: {guest.borrowed} of {OWNER}'s {owner.guaranteed} GPUs work for {GUEST}"
            case Act.RETURNS:
                return (
                    f"{OWNER} is back and takes its guarantee: {owner.charged} of {owner.guaranteed} GPUs so far, "
                    f"{count(picture.evictions, 'job')} told to save and make room"
                )
            case Act.RESTORED:
                back = owner.charged >= owner.guaranteed
                has = "has its guarantee back" if back else "has had its guarantee back and lends what it needs no more"
                return f"{OWNER} {has}: {owner.charged} of {owner.guaranteed} GPUs; {GUEST} goes on with {guest.using}"


def _shares(picture: Picture) -> tuple[Share, Share]:
    return picture.shares.get(OWNER, Share(OWNER)), picture.shares.get(GUEST, Share(GUEST))

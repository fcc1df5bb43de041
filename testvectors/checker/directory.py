"""Chapter directory.md, as it is written: sets, recursion, and no thought of time."""

import functools

import cbor
import control
import entries
from common import H, ZERO32

ROLES = {"relay": 1, "reader": 2, "writer": 3, "admin": 4}
NAMES = {number: name for name, number in ROLES.items()}
RELAY, READER, WRITER, ADMIN = 1, 2, 3, 4
FRONTIER, FORMAT = 5, 1


class Entry:
    """What the chapter asks of an entry; `says` is None for an entry of an application."""

    def __init__(self, data, signature, payload):
        header = entries.read_header(data)
        self.id = entries.entry_id(H("bulla 2026 header", data), signature)
        self.author, self.sequence, self.previous = header["author"], header["sequence"], header["previous"]
        self.references = [self.previous, *header["dependencies"]]
        self.kind, self.key_id, self.topic = header["kind"], header["keyId"], header["topic"]
        self.space = header["space"] if self.kind else self.id
        self.says = None
        if self.kind == 0:
            self.says = genesis(payload)
        elif self.kind < 16:
            self.says = control.read(self.kind, payload, self.space, self.author)
        self.order = (self.sequence, self.id)


def genesis(payload):
    _, founders, recovery, policy = cbor.decode(payload)
    return {"founders": [author for author, _ in founders], "recovery": recovery and recovery[0],
            "format": policy.get(1)}


def device_of(says):
    """The device that a grant, a change of role or a revocation is about."""
    if "card" in says:
        return says["card"]["author"]
    return says["node"] if "node" in says else says["device"]


class Space:
    def __init__(self, given):
        self.held = {entry.id: entry for entry in given}
        self.control = {entry.id: entry for entry in given if entry.kind < 16 and entry.kind != FRONTIER}
        self.genesis = next(entry.says for entry in given if entry.kind == 0)
        self.words, self.places = {}, {}
        self.recovery = []
        self.succession()
        self.devices()
        self.groups()
        self.epochs()

    def of(self, *kinds):
        return [entry for entry in self.control.values() if entry.kind in kinds]

    def counts(self, entry):
        return self.words.get(entry.id) == "counts"

    @functools.cache
    def past(self, entry_id):
        """DIR-2."""
        near = {reference for reference in self.control[entry_id].references if reference in self.control}
        return frozenset(near.union(*(self.past(reference) for reference in near)))

    def before(self, earlier, entry):
        return earlier.id in self.past(entry.id)

    # --- DIR-5 ----------------------------------------------------------------------------------------------------------

    def within(self, entry, cuts):
        controls = [cut["control"] for cut in cuts if cut["control"] in self.control]
        return any(entry.id == one or entry.id in self.past(one) for one in controls)

    def chain_within(self, entry, cuts):
        """True, False, or None while it is open."""
        answers = [self.chain_within_one(entry, cut) for cut in cuts]
        return True if True in answers else None if None in answers else False

    def chain_within_one(self, entry, cut):
        if entry.id == cut["id"]:
            return True
        if entry.sequence >= cut["sequence"]:
            return False
        at = self.held.get(cut["id"])
        if at is None:
            return None
        while at.author == entry.author and at.sequence > entry.sequence:
            if at.sequence - 1 == entry.sequence:
                return at.previous == entry.id
            below = self.held.get(at.previous)
            if below is None:
                return None
            if below.sequence != at.sequence - 1:
                return False
            at = below
        return False

    # --- DIR-20 ---------------------------------------------------------------------------------------------------------

    def succession(self):
        founders = self.genesis["founders"]

        def own(device):
            return sorted((entry for entry in self.of(8) if entry.author == device), key=lambda entry: entry.order)

        key, named_by = self.genesis["recovery"], None
        if key is None:
            for entry in own(founders[0]):
                says = entry.says
                if says["next"] and not says["device"] and not says["revoked"] and says["next"]["author"] not in founders:
                    key, named_by = says["next"]["author"], entry
                    break
        while key is not None and key not in founders and key not in [step[0] for step in self.recovery]:
            signed = (own(key) or [None])[0]
            self.recovery.append((key, named_by, signed))
            key, named_by = (signed.says["next"]["author"], signed) if signed and signed.says["next"] else (None, None)
        self.recovery_keys = [step[0] for step in self.recovery]
        for entry in self.control.values():
            if entry.author in self.recovery_keys:
                self.words[entry.id] = "directory.recovery"
        for _, named_by, signed in self.recovery:
            for entry in (named_by, signed):
                if entry:
                    self.words[entry.id] = "counts"

    # --- DIR-4, DIR-15 to DIR-17 ----------------------------------------------------------------------------------------

    def gives(self, device):
        """Pairs of what gives and the role; None stands for a founder's place."""
        if device in self.recovery_keys or device not in self.places:
            return []
        found = [(None, ADMIN)] if device in self.genesis["founders"] else []
        has_card = bool(found)
        for entry in filter(self.counts, self.of(1, 2, 8)):
            says = entry.says
            if entry.kind == 8:
                if says["device"] and says["device"]["author"] == device:
                    found.append((entry, ADMIN))
                    has_card = True
            elif device_of(says) == device and (entry.kind == 1 or says["cuts"] is None):
                found.append((entry, ROLES[says["role"]]))
                has_card |= "card" in says
        return found if has_card else [(entry, RELAY) for entry, _ in found]

    def loss_of(self, entry, device):
        """The role left and the cuts, if the entry takes something from the device."""
        says = entry.says
        if entry.kind == 2 and says["device"] == device and says["cuts"] is not None:
            return ROLES[says["role"]], says["cuts"]
        if entry.kind == 3 and says["device"] == device:
            return 0, says["cuts"]
        if entry.kind == 8:
            for removed in says["revoked"]:
                if removed["device"] == device:
                    return 0, removed["cuts"]
        return None

    def losses(self, device):
        if device in self.recovery_keys:
            return []
        found = [(entry, self.loss_of(entry, device)) for entry in self.of(2, 3, 8) if self.counts(entry)]
        return [(entry, *loss) for entry, loss in found if loss]

    def greatest(self, gives, losses):
        """DIR-15; 0 is none."""
        def worth(give, role):
            left = [left for by, left, _ in losses if left == 0 or give is None or not self.before(by, give)]
            return min([role, *left])
        return max((worth(give, role) for give, role in gives), default=0)

    def gives_before(self, device, entry):
        return [(give, role) for give, role in self.gives(device) if give is None or self.before(give, entry)]

    def role_at(self, entry):
        losses = [loss for loss in self.losses(entry.author)
                  if not self.within(entry, loss[2]) and not self.stays_taken(entry, loss[0])]
        return self.greatest(self.gives_before(entry.author, entry), losses)

    def stays_taken(self, entry, loss):
        """What a device took from others before it knew of its own loss."""
        says = entry.says
        if entry.kind == 6:
            only_takes = says["removed"] and not says["added"]
        else:
            only_takes = entry.kind in (2, 3) and says["device"] != entry.author and says["cuts"] is not None
        return only_takes and loss.author == entry.author and not self.before(loss, entry)

    def role_without_losses(self, entry):
        return self.greatest(self.gives_before(entry.author, entry), [])

    def present(self, device):
        return self.greatest(self.gives(device), self.losses(device))

    def by_role(self, entry, needed):
        if self.role_at(entry) >= needed:
            return "counts"
        return "directory.cut" if self.role_without_losses(entry) >= needed else "directory.no_right"

    # --- DIR-10 to DIR-13, DIR-21, DIR-22 -------------------------------------------------------------------------------

    def candidates(self):
        """Every place that is known by now."""
        for rank, key in enumerate(self.recovery_keys):
            yield (1, rank, ()), key
        for rank, (_, _, signed) in enumerate(self.recovery):
            if signed and signed.says["device"]:
                yield (2, rank, ()), signed.says["device"]["author"]
        for rank, key in enumerate(self.genesis["founders"]):
            yield (3, rank, ()), key
        for entry in filter(self.counts, self.of(1)):
            part, rank, chain = self.places[entry.author]
            root = (part, rank) if part < 4 else rank
            yield (4, root, (*chain, entry.order)), device_of(entry.says)

    def devices(self):
        while True:
            open_places = [(place, key) for place, key in self.candidates() if key not in self.places]
            if not open_places:
                break
            place, device = min(open_places)
            self.places[device] = place
            own = sorted((entry for entry in self.control.values() if entry.author == device), key=lambda entry: entry.order)
            own = [entry for entry in own if entry.id not in self.words]
            losses = [entry for entry in own if entry.kind in (2, 3) and self.loss_of(entry, device)]
            judged = {entry.id: self.by_role(entry, RELAY) for entry in losses}
            self.words.update(judged)
            for entry in own:
                if entry.id not in self.words and entry.kind not in (4, 6):
                    self.words[entry.id] = self.judge(entry)
        for entry in self.control.values():
            if entry.author not in self.places:
                self.words[entry.id] = "directory.stranger"

    def judge(self, entry):
        if entry.kind == 0:
            return "counts"
        if entry.kind == 8:
            return "directory.recovery"
        word = self.by_role(entry, WRITER if entry.kind == 7 else ADMIN)
        if word != "counts" or entry.kind == 7:
            return word
        # Whoever has a place by now is senior to the author, or the author.
        if device_of(entry.says) in self.places:
            return "directory.seniority"
        if entry.kind == 1 and self.knows_revoked(entry, device_of(entry.says)):
            return "directory.revoked"
        card = entry.says.get("card")
        if card and card["invitation"] != ZERO32:
            for other in filter(self.counts, self.of(1)):
                used = other.says.get("card")
                if used and used["invitation"] == card["invitation"] and used["author"] != card["author"]:
                    return "directory.invitation"
        return "counts"

    # --- DIR-14, DIR-21 -------------------------------------------------------------------------------------------------

    @functools.cache
    def named_admin(self, entry_id):
        entry = self.control[entry_id]
        if entry.kind == 8:
            return self.counts(entry)
        return entry.author in self.genesis["founders"] or any(
            self.names_admin(self.control[give], entry.author) and self.named_admin(give) for give in self.past(entry_id))

    def names_admin(self, give, device):
        says = give.says
        if give.kind == 8:
            return says["device"] is not None and says["device"]["author"] == device
        return (give.kind in (1, 2) and device_of(says) == device and says["role"] == "admin"
                and (give.kind == 1 or says["cuts"] is None))

    def knows_revoked(self, grant, device):
        known = [self.control[one] for one in self.past(grant.id)]

        def undone(revocation):
            for other in known:
                loss = self.loss_of(other, revocation.author)
                if (loss and loss[0] < ADMIN and other.author != revocation.author and self.named_admin(other.id)
                        and not self.within(revocation, loss[1])):
                    return True
            return False

        return any(one.kind == 3 and one.says["device"] == device and one.author != device
                   and self.named_admin(one.id) and not undone(one) for one in known)

    # --- DIR-23 ---------------------------------------------------------------------------------------------------------

    def founded(self, group, entry=None):
        """Whether a counting entry founded the group, in the past of an entry if there is one."""
        founding = self.control.get(group)
        if founding is None or founding.kind != 6 or founding.says["group"] != ZERO32 or not self.counts(founding):
            return False
        return entry is None or self.before(founding, entry)

    def groups(self):
        for is_founding in (True, False):
            for entry in self.of(6):
                if entry.id in self.words or (entry.says["group"] == ZERO32) != is_founding:
                    continue
                word = self.by_role(entry, ADMIN)
                if word == "counts" and not is_founding and not self.founded(entry.says["group"], entry):
                    word = "directory.group"
                self.words[entry.id] = word

    def belongs(self, device, group, adds, stands):
        if group == ZERO32:
            return True
        if not self.founded(group):
            return False
        of_group = [e for e in self.of(6) if self.counts(e) and (e.id == group or e.says["group"] == group)]
        removals = [(e, removed["cuts"]) for e in of_group for removed in e.says["removed"] if removed["device"] == device]
        return any(device in addition.says["added"] and adds(addition)
                   and not any(stands(removal, cuts) and not self.before(removal, addition) for removal, cuts in removals)
                   for addition in of_group)

    # --- DIR-25 to DIR-27 -----------------------------------------------------------------------------------------------

    def epochs(self):
        self.depths = {}
        for entry in sorted(self.of(4), key=lambda entry: len(self.past(entry.id))):
            says, group = entry.says, entry.says["group"]
            near = [self.control[parent] for parent in says["parents"] if parent in self.past(entry.id)]
            near = [parent for parent in near if parent.kind == 4 and parent.says["group"] == group]
            self.depths[entry.id] = max((self.depths[parent.id] + 1 for parent in near), default=0)
            if entry.id in self.words:
                continue
            is_needed = self.is_needed(entry)

            def may(role, stands):
                belongs = self.belongs(entry.author, group, lambda by: self.before(by, entry), stands)
                return role == ADMIN or role == WRITER and belongs and is_needed

            if not may(self.role_at(entry), lambda by, cuts: not self.within(entry, cuts)):
                had = may(self.role_without_losses(entry), lambda by, cuts: False)
                word = "directory.cut" if had else "directory.no_right"
            elif group != ZERO32 and not self.founded(group, entry):
                word = "directory.group"
            else:
                word = "counts" if len(near) == len(says["parents"]) else "directory.parents"
            self.words[entry.id] = word

    def holders(self, epoch):
        return [epoch.author, *(recipient["device"] for recipient in epoch.says["recipients"])]

    def is_needed(self, entry):
        """The three points of DIR-25."""
        group, past = entry.says["group"], self.past(entry.id)
        own = sorted((e for e in self.of(4) if e.author == entry.author and e.says["group"] == group), key=lambda e: e.order)
        own = own[:own.index(entry) + 1]
        if not all(self.before(earlier, later) for earlier, later in zip(own, own[1:])):
            return False
        if not all(self.reads_at(device, group, entry) for device in self.holders(entry) if device != entry.author):
            return False
        clean = [e for e in self.of(4) if e.id in past and e.says["group"] == group and self.clean(e, past)]
        if any(self.role_at(e) == ADMIN for e in clean):
            return False
        newest = max(clean, key=lambda e: (self.depths[e.id], e.id), default=None)
        return newest is None or entry.author not in self.holders(newest)

    def reads_at(self, device, group, entry):
        def before(by):
            return self.before(by, entry)

        if device in self.recovery_keys:
            _, named_by, signed = self.recovery[self.recovery_keys.index(device)]
            return (named_by is None or before(named_by)) and not (signed and before(signed))
        losses = [loss for loss in self.losses(device) if before(loss[0])]
        return (self.greatest(self.gives_before(device, entry), losses) >= READER
                and self.belongs(device, group, before, lambda by, cuts: before(by)))

    def clean(self, epoch, known):
        """DIR-26, with the ids of what is known."""
        group = epoch.says["group"]

        def takes(entry, device):
            if device in self.recovery_keys:
                return entry is self.recovery[self.recovery_keys.index(device)][2]
            loss = self.loss_of(entry, device)
            if loss and loss[0] < READER:
                return True
            return entry.kind == 6 and entry.says["group"] == group != ZERO32 and any(
                removed["device"] == device for removed in entry.says["removed"])

        holders = self.holders(epoch)
        new = [e for e in self.of(2, 3, 6, 8) if e.id in known and self.counts(e) and not self.before(e, epoch)]
        later = [e for e in self.of(4) if e.id in known and e.says["group"] == group and self.counts(e)]
        return (self.counts(epoch) and all(self.reads_at(device, group, epoch) for device in holders)
                and not any(takes(e, device) for e in new for device in holders)
                and not any(self.before(epoch, e) for e in later))

    def writing_epoch(self, group):
        usable = [e for e in self.of(4) if e.says["group"] == group and self.clean(e, self.control)]
        chosen = max(usable, key=lambda e: (self.role_at(e) == ADMIN, self.depths[e.id], e.id), default=None)
        return chosen and chosen.id

    def topic_order(self, group):
        """CTL-35."""
        counting = [e for e in self.of(4) if e.says["group"] == group and self.counts(e)]
        place = lambda e: (self.role_at(e) != ADMIN, self.places[e.author], self.depths[e.id], e.id)
        return [e.id for e in sorted(counting, key=place)]

    # --- DIR-16, DIR-24, DIR-30 -----------------------------------------------------------------------------------------

    def word(self, entry):
        if entry.id in self.control:
            return self.words[entry.id]
        if entry.author in self.recovery_keys:
            return "directory.recovery"
        if entry.author not in self.places:
            return "directory.stranger"
        is_frontier = entry.kind == FRONTIER
        if not is_frontier and (self.genesis["format"] or 0) > FORMAT:
            return "directory.format"
        epochs = [e for e in self.of(4) if e.says["keyId"] == entry.key_id]
        groups = {e.says["group"] for e in epochs if self.counts(e)}
        if is_frontier or any(e.says["group"] == ZERO32 for e in epochs):
            groups = set()

        def may(answer_if_open, with_losses=True):
            def stands(_, cuts):
                within = self.chain_within(entry, cuts)
                return with_losses and not (answer_if_open if within is None else within)
            losses = [loss for loss in self.losses(entry.author) if stands(loss[0], loss[2])]
            if self.greatest(self.gives(entry.author), losses) < (READER if is_frontier else WRITER):
                return False
            return not groups or any(self.belongs(entry.author, group, lambda by: True, stands) for group in groups)

        # To lie within more cuts never makes an entry count less.
        if may(False):
            return "counts"
        if may(True):
            return "open"
        return "directory.cut" if may(True, with_losses=False) else "directory.no_right"

    def erased(self, entry):
        """CTL-61."""
        def covers(erasure):
            if entry.author != erasure.author and self.role_at(erasure) != ADMIN:
                return False
            return entry.id in erasure.says["ids"] or any(
                part["author"] == entry.author and entry.sequence <= part["sequence"]
                and part["topic"] in (None, entry.topic) for part in erasure.says["ranges"])

        return entry.kind >= 16 and any(self.counts(e) and covers(e) for e in self.of(7))


def read(fields):
    return Entry(*(bytes.fromhex(fields[name]) if name in fields else None for name in ("header", "signature", "payload")))


def check(case, group):
    given = [read(group["genesis"]), *map(read, case["entries"])]
    space = Space(given)
    case.agree("verdicts", [{"id": entry.id, "verdict": space.word(entry)} for entry in given])
    members = sorted((device, space.present(device)) for device in space.places)
    case.agree("members", [{"device": device, "role": NAMES[role]} for device, role in members if role])
    case.agree("seniority", sorted(space.places, key=space.places.get))
    groups = sorted([ZERO32, *(entry.id for entry in space.of(6) if space.founded(entry.id))])
    writing = [(one, space.writing_epoch(one)) for one in groups]
    case.agree("writingEpochs", [{"group": one, "epoch": epoch} for one, epoch in writing if epoch])
    orders = [(one, space.topic_order(one)) for one in groups]
    case.agree("topicOrder", [{"group": one, "epochs": order} for one, order in orders if order])
    case.agree("erased", [entry.id for entry in given if space.erased(entry)])


ALGORITHMS = {"directory": check}

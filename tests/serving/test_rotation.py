"""Keys of a running node are changed amid its traffic, and nothing is refused or lost."""

import asyncio
import time

import msgspec
from cryptography.exceptions import InvalidSignature

from skypact.model import EntryKind
from skypact.node import Node
from skypact.serving.kept import KeptSent
from skypact.sharing import coalition, codec, seal, signing
from skypact.sharing.keys import load_card
from skypact.sharing.node_folder import load_node
from tests.sharing.link_settings import QUICK
from tests.test_node import SETTINGS, arrivals, flight, until  # noqa: F401
from tests.test_node import coalition as folders

LEVELS = {"KOR": {"JPN": "plots", "USA": "nothing"}, "JPN": {"KOR": "nothing", "USA": "nothing"}}


async def last_sent(node, partner):
    """The newest message to a partner that the journal has."""
    sent = [
        msgspec.msgpack.decode(entry.payload, type=KeptSent).data
        async for entry in node.journal.read()
        if entry.kind is EntryKind.SENT_MESSAGE and entry.about == partner
    ]
    return sent[-1]


def is_by(data, key, origin, addressee):
    """Whether a sealed message is signed with that key."""
    frame = codec.read_frame(data, 1_000_000)
    info = seal.info_of(origin, addressee.nation, frame.epoch, frame.sequence)
    one = codec.read_signed(seal.unseal(frame.content, info, addressee.keys.unsealing))
    try:
        key.verify(one.signature, signing.MESSAGE + one.body)
    except InvalidSignature:
        return False
    return True


def test_keys_change_amid_traffic_and_nothing_is_refused(tmp_path, flight):  # noqa: F811
    folders(tmp_path, LEVELS)
    korea, japan = tmp_path / "KOR", tmp_path / "JPN"
    with (japan / "radars.toml").open("a") as table:
        table.write("\n" + (korea / "radars.toml").read_text())
    card_of_korea, card_of_japan = korea / "KOR.card.toml", japan / "JPN.card.toml"

    async def rotate(folder, what):
        card = await asyncio.to_thread(coalition.rotate, folder, what, QUICK)
        await coalition.apply_changes(folder, QUICK, None)
        return card

    async def add(folder, card):
        await asyncio.to_thread(coalition.add_partner, folder, card, None)
        await coalition.apply_changes(folder, QUICK, None)

    async def run():
        kor, jpn = Node(korea, SETTINGS), Node(japan, SETTINGS)
        try:
            await jpn.start()
            await kor.start()
            parts = list(arrivals(flight, "KOR", kor.radars, time.time_ns()))
            size = len(parts) // 6
            assert size > 1
            sent = iter(parts)

            async def some_more():
                for _ in range(size):
                    await kor.take_plots((next(sent),))
                chain = kor.ways["JPN"].outgoing.chain
                await until(lambda: jpn.entry.counts("KOR").get("accepted", 0) >= chain.sequence)
                return await last_sent(kor, "JPN")

            old = load_card(card_of_korea).signing_key
            await until(lambda: all(s.up for s in kor.link.states() if s.partner == "JPN"))
            assert is_by(await some_more(), old, "KOR", load_node(japan))
            announced = await rotate(korea, "signing")
            new = announced.signing_keys[1]
            assert is_by(await some_more(), old, "KOR", load_node(japan))
            await add(japan, card_of_korea)
            await until(lambda: len(jpn.folder.partners["KOR"].signing_keys) == 2)
            taken = await rotate(korea, "signing")
            assert taken.signing == announced.signing_beside
            await until(lambda: kor.folder.keys.signing_before is not None)
            # Japan has the first card still: it took the new key with it.
            assert is_by(await some_more(), new, "KOR", load_node(japan))
            await add(japan, card_of_korea)
            await until(lambda: jpn.folder.partners["KOR"].signing == taken.signing)
            await some_more()
            # What Korea seals with the key before opens as well, and with the new one.
            await rotate(japan, "sealing")
            await until(lambda: jpn.folder.keys.sealing_before is not None)
            await some_more()
            await add(korea, card_of_japan)
            sealed_for = load_card(card_of_japan).sealing
            await until(lambda: kor.folder.partners["JPN"].sealing == sealed_for)
            await some_more()
            assert jpn.entry.refusals("KOR") == ()
            assert not kor.releasing.notice
        finally:
            await kor.stop()
            await jpn.stop()
        # The policy in force has the present key's signature, so that later changes leave it so.
        again = Node(korea, SETTINGS)
        await again.start()
        try:
            assert again.policy.hash == kor.policy.hash
            assert again.releasing.in_force.signed.is_signed([new])
        finally:
            await again.stop()

    asyncio.run(run())

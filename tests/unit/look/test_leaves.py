from __future__ import annotations

from collections import defaultdict

import torch
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pack_sequence

from tests.unit.look.conftest import Answer, Pair
from torchvis_widgets.look.keys import Key, parse_key
from torchvis_widgets.look.leaves import leaves, map_samples, map_tensors, unpacked, with_leaves

ONE, TWO = torch.ones(1), torch.ones(2)


def test_paths_are_what_stands_behind_the_value_in_python() -> None:
    value = {"logits": ONE, "hidden": (TWO, [ONE, "text"]), 3: TWO}
    assert [path for path, _ in leaves(value)] == ["['logits']", "['hidden'][0]", "['hidden'][1][0]", "[3]"]


def test_a_bare_tensor_has_an_empty_path() -> None:
    assert [path for path, _ in leaves(ONE)] == [""]


def test_fields_of_named_tuples_and_dataclasses_are_named() -> None:
    assert [path for path, _ in leaves(Pair(ONE, TWO))] == ["['left']", "['right']"]
    assert [path for path, _ in leaves(Answer(ONE, {"cell": TWO}))] == ["['logits']", "['hidden']['cell']"]


def test_mapping_keeps_containers_and_leaves_the_original_alone() -> None:
    value = Answer(ONE, defaultdict(list, cell=[TWO, 5]))
    doubled = map_tensors(value, lambda tensor: tensor * 2)
    assert type(doubled) is Answer
    assert type(doubled.hidden) is defaultdict
    assert doubled.logits.item() == 2
    assert doubled.hidden["cell"][1] == 5
    assert value.logits.item() == 1
    assert value.hidden["cell"][0] is TWO


def test_named_tuples_torch_results_and_packed_sequences_survive_mapping() -> None:
    same = lambda tensor: tensor.clone()  # noqa: E731
    assert type(map_tensors(Pair(ONE, TWO), same)) is Pair
    assert map_tensors(torch.ones(2, 3).max(dim=1), same).values.tolist() == [1, 1]
    packed = pack_padded_sequence(torch.ones(2, 3, 4), [3, 2], batch_first=True)
    assert torch.equal(map_tensors(packed, same).data, packed.data)


def shuffled() -> PackedSequence:
    """Three samples of lengths 2, 4 and 1; sample n at time t holds 10n + t."""
    parts = [10.0 * n + torch.arange(length)[:, None] for n, length in enumerate([2, 4, 1])]
    return pack_sequence(parts, enforce_sorted=False)


def test_a_packed_sequence_is_one_tensor_and_its_samples_when_unpacked() -> None:
    packed = shuffled()
    value = (packed, {"h": ONE})
    assert [path for path, _ in leaves(value)] == ["[0]", "[1]['h']"]
    assert next(iter(leaves(value)))[1] is packed.data  # the very tensor: the graph follows it
    padded, rest = unpacked(value)
    assert padded[:, :, 0].tolist() == [[0, 1, 0, 0], [10, 11, 12, 13], [20, 0, 0, 0]]
    assert rest["h"] is ONE
    assert unpacked(ONE) is ONE


def test_packed_sequences_are_rebuilt_with_other_data() -> None:
    packed = shuffled()
    doubled = map_tensors((packed, TWO), lambda tensor: tensor * 2)[0]
    assert type(doubled) is PackedSequence
    assert doubled.batch_sizes.tolist() == [3, 2, 1, 1]  # which is no tensor to change
    assert torch.equal(unpacked(doubled), unpacked(packed) * 2)
    other = with_leaves((packed, TWO), {"[0]": packed.data + 1, "[1]": ONE})
    assert torch.equal(unpacked(other[0])[1, :, 0], torch.arange(11.0, 15))
    assert other[1] is ONE
    moved = map_tensors(packed, lambda tensor: tensor.to("meta"))
    assert (moved.data.device.type, moved.sorted_indices.device.type, moved.batch_sizes.device.type) == (
        "meta", "meta", "cpu",
    )  # fmt: skip


def test_samples_of_a_packed_sequence_are_packed_anew() -> None:
    two = map_samples([shuffled(), TWO], lambda tensor: tensor[:2])
    assert unpacked(two[0])[:, :, 0].tolist() == [[0, 1, 0, 0], [10, 11, 12, 13]]
    assert two[1].tolist() == [1, 1]


def test_keys_are_parsed_against_the_model_s_own_paths() -> None:
    paths = ["", "rnn", "blocks.a", "blocks.a:2", "blocks.a[0]", "blocks.a/b"]
    assert parse_key("rnn:3[1][0]", paths) == Key("rnn", "", 3, "[1][0]")
    assert parse_key("['logits']", paths) == Key("", "", 1, "['logits']")
    assert parse_key("", paths) == Key("", "", 1, "")
    assert parse_key("/add:2", paths) == Key("", "add", 2, "")
    assert parse_key("rnn/aten.mul:2[0]", paths) == Key("rnn", "aten.mul", 2, "[0]")
    assert parse_key("blocks.a:2", paths) == Key("blocks.a:2", "", 1, "")  # the module of that name, not a second call
    assert parse_key("blocks.a/b", paths) == Key("blocks.a/b", "", 1, "")
    assert parse_key("blocks.a[0]:2", paths) == Key("blocks.a[0]", "", 2, "")
    assert parse_key("rnn2", paths) is None
    texts = ["rnn:3[1][0]", "rnn", "rnn/add_:2"]
    assert [str(parse_key(key, paths)) for key in texts] == texts

import json
from dataclasses import asdict

import torch
from support.bench import bench_of

from eureka.envs.sizing import LEAST_CONTACTS, LEAST_ROWS, measure_sizes
from eureka.physics.buffers import CONTACTS, HEIGHT_FIELD, ROWS, Sizes
from eureka.physics.threads import ThreadPhysics


def test_room_for_contacts_and_rows_is_a_multiple_of_the_peak_in_random_play():
    bench = bench_of("shadow_hand")
    room = measure_sizes(bench.task, bench.model, 2)
    assert room == measure_sizes(bench.task, bench.model, 1)
    rows = 0
    env = bench.env(1, 8, stream="elsewhere")
    assert isinstance(env.physics, ThreadPhysics)
    env.reset()
    draws = torch.Generator().manual_seed(0)
    for _ in range(40):
        env.step(torch.rand(1, 8, bench.task.action_size, generator=draws) * 2 - 1)
        rows = max(rows, int(env.physics.counts()[1].max()))
    assert 0 < 2 * rows <= room.njmax <= 8 * rows
    assert Sizes(**json.loads(json.dumps(asdict(room)))) == room


def test_a_quiet_scene_gets_the_least_room():
    bench = bench_of("cartpole")
    assert measure_sizes(bench.task, bench.model, 1) == Sizes(LEAST_CONTACTS, LEAST_ROWS)


def test_only_what_was_too_small_grows():
    room = Sizes(32, 64)
    assert room.grow(CONTACTS) == Sizes(64, 64)
    assert room.grow(ROWS) == Sizes(32, 128)
    assert room.grow(CONTACTS | ROWS) == Sizes(64, 128)
    assert room.grow(HEIGHT_FIELD) == room

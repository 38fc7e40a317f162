"""Errors while writing files of a run."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from eureka.errors import UserError
from eureka.system.files import storage


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM, errno.EROFS])
def test_what_may_not_be_written_is_told_with_advice_that_every_command_can_follow(number: int, tmp_path: Path):
    with pytest.raises(UserError, match="copy the run to a folder of yours") as raised, storage(tmp_path):
        raise OSError(number, os.strerror(number))
    assert "--out" not in str(raised.value)

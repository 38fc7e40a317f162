"""Trainer processes on the machines of a Ray cluster.

    orchestrator  --frames-->  bridge  --Ray-->  host (an actor)  --frames-->  trainer process
    executor.py                bridge.py         host.py                       eureka.trainer.service
                               tether.py

The orchestrator never imports Ray and keeps its keys to itself: the bridge, a process of its own with the environment
of a helper, is Ray's driver. On each node a host starts the same trainer process as on one machine, behind the same
fence, and passes its frames on. Files travel through Ray: nothing is asked of a shared disk.
"""

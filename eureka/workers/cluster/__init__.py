"""Trainer processes on the machines of a Ray cluster.

    orchestrator  --frames-->  driver  --Ray-->  host (an actor)  --frames-->  trainer process
    executor.py                driver.py         host.py                       eureka.trainer.service
                               handle.py

The orchestrator never imports Ray and keeps its keys to itself: the driver, a process of its own with the environment
of a helper, is Ray's driver. On each node a host starts the same trainer process as on one machine, behind the same
fence, and passes its frames on. Files travel through Ray: nothing is asked of a shared disk.
"""

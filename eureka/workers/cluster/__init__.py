"""Trainer processes on the machines of a Ray cluster.

    orchestrator  --frames-->  driver process    --Ray-->  actor on a node  --frames-->  trainer process
    executor.py                driver_process.py           actor.py                      eureka.trainer.service
    driver.py                  actor_handle.py

The orchestrator, which holds API keys, does not import Ray. The driver process is Ray's driver and has the environment
of a helper process. On a node, an actor starts the same trainer process as on one machine, with the same isolation,
and forwards its frames. Files are sent through Ray; a shared file system is not needed.
"""

"""Trained policies in motion: `eureka play`.

Three processes take part, since none may do what another does. This one, the orchestrator, looks up what is to be
played (`choosing`) and runs nobody's code. The trainer, which alone knows the task's code and is fenced in, simulates
(`simulation`) and leaves a trajectory: the compiled scene, and what there was to see and to measure at every control
step. A third one, which never meets the task's code, draws it (`drawing`); a driver that crashes there kills nothing
else.
"""

"""Films of trained policies: `eureka play`, in three processes.

The orchestrator selects policies (`selection`) and runs no task code. The confined trainer process simulates and
writes a trajectory: the compiled scene with the state and measurements of every control step. The render process
(`render_process`) draws it without task code, so that a crash of a graphics driver is contained.
"""

"""Films of trained policies: `eureka play`, in three processes.

The orchestrator (`selection`) runs no task code. The confined trainer simulates and writes a `trajectory`. The render
process (`render_process`) draws it without task code, so that a crash of a graphics driver is contained.
"""

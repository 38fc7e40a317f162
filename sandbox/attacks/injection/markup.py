"""Markup of consoles, pages, templates and Markdown.

walls: compile
"""

raise ValueError("[bold red]x[/] [link=http://localhost]y[/link] <script>alert(1)</script> {{ 7 * 7 }} {% raw %} ``` # x")

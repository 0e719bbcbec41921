"""The tools of `attacked.py`, as such servers are written: each does what it says, and trusts its arguments.

place     the folder that all effects are in
machine   commands, files, URLs, SQL
git       the reference server for git, in a version with known flaws
office    mail, repositories of a forge, accounts of several tenants, records, credentials
money     payments, agents that cost something
changing  tools whose descriptions mislead or change, and one that looks like another
"""

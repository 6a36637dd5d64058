"""Do the rules work?"""

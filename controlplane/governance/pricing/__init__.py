"""What a blueprint costs a month. Pure: prices are data, quantities are functions of bodies, use is stated.

``table``: list prices, tier by tier, each with its day, its source and how sure it is. ``usage``: what is assumed of
use. ``meters_*``: from an ARM type to the meters that bill it. ``estimate``: all of them added up. ``quote``: which
prices have to be asked for, and what becomes of the answers.
"""

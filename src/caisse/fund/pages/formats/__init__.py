"""How pages write days and times where a language leaves it open."""

"""Names of the jobs of casework, which whoever queues them needs without what carries them out."""

LETTER_TASK = "caisse.fund.casework.tasks.make_letter"
LETTER_QUEUE = "letters"

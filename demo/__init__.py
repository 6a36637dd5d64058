"""The main job, told through the commands: a laboratory sends its month, the fund answers, the laboratory books."""

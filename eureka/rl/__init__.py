"""PPO for a population: every tensor has the leading axis P, and no reduction crosses it.

On a CPU, a member's results are bit-identical whichever other members train with it: each torch operation runs on one
thread (threads are split over members), and no operation is used that rounds the end of a tensor differently (see
`eureka.task`).
"""

"""PPO for a population: every tensor has the leading axis P, and no reduction crosses it.

On a CPU the numbers of a member do not depend on which others train beside it, to the last bit. Two things keep it
so: the trainer runs torch with one thread an operation (members, not rows, are spread over threads), and this
package avoids the elementwise operations that round a tensor's tail otherwise than its body (see `eureka.task`).
"""

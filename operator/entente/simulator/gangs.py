"""How a job of so many GPUs is cut into workers of equal size."""


def gang(gpus: int, host_gpus: int) -> tuple[int, int]:
    """Workers and GPUs of each, on hosts of so many GPUs.

    What fits a host is one worker. A larger job has workers of the largest power of two that divides it and fits a
    host: 16 GPUs on hosts of 8 are two whole hosts, 20 are five workers of 4, which is two hosts and a half.
    """
    if gpus <= host_gpus:
        return 1, gpus
    each = 1
    while each * 2 <= host_gpus and gpus % (each * 2) == 0:
        each *= 2
    return gpus // each, each

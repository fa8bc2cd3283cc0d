"""Arguments for every operator."""

import torch

from tests.enumeration import Model

KEY = torch.tensor([5, 0])


def samples(dtype=torch.float32, batch=5):
    model = Model.random(6, 4).to(dtype)
    generator = torch.Generator().manual_seed(0)
    v = torch.randint(2, (batch, 6), generator=generator).to(dtype)
    h = torch.randint(2, (batch, 4), generator=generator).to(dtype)
    w, b, c = (p.requires_grad_() for p in model.parameters)
    transposed = w.detach().T.contiguous().T.requires_grad_()
    clamp = torch.tensor([True, False, False, True, False, False])
    betas = torch.linspace(0, 1, 4, dtype=torch.float64)
    ladder = v.expand(4, *v.shape).contiguous()
    return {
        "cumulant": [((w,), {"units": "relu", "precision": b.detach().exp()}), ((b,), {})],
        "energy": [((v, h, w, b, c), {})],
        "free_energy": [((v, w, b, c), {}), ((v.bool(), w, b, c), {}), ((v[0], w, b, c), {})],
        "log_partition": [((w, b, c), {})],
        "moments": [((w, b, c), {}), ((transposed, b, c), {})],
        "hidden_mean": [((v, w, c), {})],
        "visible_mean": [((h, w, b), {})],
        "sample_hidden": [((v, w, c), {})],
        "sample_visible": [((h, w, b), {})],
        "sample_hidden.key": [((v, w, c), {"key": KEY})],
        "sample_visible.key": [((h, w, b), {"key": KEY})],
        "gibbs": [((v, w, b, c, 0), {}), ((v, w, b, c, 3), {"clamp": clamp})],
        "gibbs.key": [
            ((v, w, b, c, 0), {"key": KEY}),
            ((v.T.contiguous().T, w, b, c, 2), {"key": KEY}),
        ],
        "contrastive_divergence": [
            ((v, v, w, b, c), {}),
            ((v, v.bool(), transposed, b, c, 0), {}),
        ],
        "contrastive_divergence.key": [
            ((v, v[:3], w, b, c, 2), {"key": KEY, "sampled_hidden": True, "mean_visible": True})
        ],
        "contrastive_divergence_with_means": [((v, v[:3], w, b, c), {})],
        "contrastive_divergence_with_means.key": [
            ((v, v.bool(), transposed, b, c, 0), {"key": KEY, "observed": clamp})
        ],
        "centered_gradient": [((w, b, c, b.detach() / 2, c), {}), ((transposed, b, c, b, c), {})],
        "annealed_importance_sampling": [((v, w, b, c, b.detach() / 2, betas), {})],
        "annealed_importance_sampling.key": [((v.bool(), w, b, c, b, betas), {"key": KEY})],
        "parallel_tempering": [((ladder, w, b, c, b.detach() / 2, betas, 2), {})],
        "parallel_tempering.key": [((ladder.bool(), w, b, c, b, betas), {"key": KEY})],
        "uniform": [((KEY, 3, 70), {"step": 2, "layer": 1})],
        **ratings_samples(dtype),
    }


def ratings_samples(dtype):
    generator = torch.Generator().manual_seed(0)
    w, b, c = (
        torch.randn(*shape, generator=generator, dtype=dtype).requires_grad_()
        for shape in ((4, 3, 5), (4, 3), (5,))
    )
    rated = torch.tensor([0, 3, 3, 5]), torch.tensor([0, 2, 3, 1, 3])
    ratings = *rated, torch.tensor([0, 2, 1, 1, 0])
    query = torch.tensor([0, 1, 2, 2]), torch.tensor([1, 0])
    own = torch.randn(3, 5, generator=generator, dtype=dtype).requires_grad_()
    return {
        "ratings_hidden_mean": [((*ratings, w, c), {}), ((*ratings, w, own), {})],
        "ratings_visible_mean": [((*rated, own, w, b), {})],
        "ratings_free_energy": [((*ratings, w, b, c), {"hidden_units": "gaussian"})],
        "ratings_predict": [((*ratings, *query, w, b, own), {})],
        "ratings_gibbs": [((*ratings, w, b, c, 0), {}), ((*ratings, w, b, c, 2), {})],
        "ratings_gibbs.key": [((*ratings, w, b, c), {"key": KEY})],
        "ratings_contrastive_divergence": [((*ratings, w, b, c), {}), ((*ratings, w, b, own), {})],
        "ratings_contrastive_divergence.key": [
            ((*ratings, w, b, c, 2), {"key": KEY, "mean_visible": True, "sampled_hidden": True})
        ],
    }


def overload(name: str):
    packet, _, kind = name.partition(".")
    return getattr(getattr(torch.ops.torch_rbm, packet), kind or "default")


SAMPLERS = [
    "sample_hidden",
    "sample_visible",
    "gibbs",
    "contrastive_divergence",
    "contrastive_divergence_with_means",
    "annealed_importance_sampling",
    "parallel_tempering",
]


def tensors(results):
    return results if isinstance(results, tuple) else (results,)

# Which models of deploy/models.tsv fit into a memory, and for how many people, on a host without Python. `appliance model
# plan` computes it of more (inference/placement); a test holds that the two agree.
#   awk -v engine=vllm -v memory_mib=46068 -v share=0.90 -v context=16384 -f deploy/fits.awk deploy/models.tsv
# engine: whose models. memory_mib: what nvidia-smi calls memory.total, or of the machine what is left for Ollama. share:
# the part that the engine may take (GPU_MEMORY_SHARE). context: tokens that one conversation may have at most.
# Prints one model a line, tabs between: model, served name, format, weights in GiB, context it can have here (the smaller of
# context and its longest), fits (yes|no: weights, working memory and one whole conversation), at once (conversations of
# 8,000 tokens), people, hub (open|gated), licence, GiB that are needed of this memory at least, and the longest context that
# one conversation alone could have here, in whole thousands (of 1,024).
#   working memory (activations, CUDA graphs; assumed, not measured) = 2 GiB + a twentieth of the weights
#   at once = (memory x share - weights - working memory) / (8,000 x KV cache a token)
#   people  = half of the places, of 64 at most (beyond that the card's computing is the limit, not its memory; assumed),
#             x 3600 s / (12 questions in the busiest hour x 20 s an answer)
BEGIN { FS = OFS = "\t"; gib = 1024 * 1024 * 1024 }
/^#/ || $1 != engine { next }
{
    own = context < $7 ? context : $7
    room = memory_mib / 1024 * share - $5 - (2 + $5 / 20)
    at_once = int(room / (8000 * $6 / gib))
    if (at_once < 0) at_once = 0
    fits = room >= own * $6 / gib ? "yes" : "no"
    needed = ($5 + 2 + $5 / 20 + own * $6 / gib) / share
    places = at_once < 64 ? at_once : 64
    longest = room > 0 ? int(room * gib / $6 / 1024) * 1024 : 0
    if (longest > $7) longest = $7
    print $2, $3, $4, $5, own, fits, at_once, int(places * 0.5 * 3600 / (12 * 20)), $8, $9, sprintf("%.1f", needed), longest
}

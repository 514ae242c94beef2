"""SMFNet (Zhang et al., arXiv 2407.06159): network, losses, two-stage training and ablations.

Read in this order: blocks (MDTA, LeFF), sfe, cai, bfe, gr, fusion_layers, decoder, network; then losses and trainer.
Attribute names are those of the released checkpoint, which therefore loads strictly.
"""

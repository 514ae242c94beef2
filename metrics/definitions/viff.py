"""VIFF: visual information fidelity for fusion, of the fused picture with whichever source says more in each window.

As VIF (windows Gaussian of 17, 9, 5, 3 taps, sigma = taps / 5, inside the picture; each scale smoothed and halved from
the one above) with s_n^2 = .005 * 255^2. Per scale and window X is the source with the smaller gain g = s_XF / s_X^2
(the infrared one where both are equal):

    V = sum( log10( 1 + g^2 s_X^2 / (s_v^2 + s_n^2) ) + 1e-7 ) / sum( log10( 1 + s_X^2 / s_n^2 ) + 1e-7 )
    VIFF = (V_1 + 0 V_2 + .15 V_3 + V_4) / 2.15

Variants: mefb calls it "VIF".
Range 0 upwards, higher is better; identical pictures give 1. Three constants give 1 as well: 1e-7 over 1e-7; a constant
fused picture gives some 1e-6.
Smallest picture 41x41. Han, Cai, Cao, Xu, "A new image fusion performance metric based on visual information fidelity",
Inf. Fusion 2013.
"""

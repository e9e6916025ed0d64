### French. Formal address: vous.

## What the person should do. Left and right are the person's own.
prompt-step-back = Reculez jusqu’à ce que vos épaules soient dans l’image.
prompt-look-at-camera = Regardez la caméra.
prompt-turn-left = Tournez la tête vers la gauche.
prompt-turn-right = Tournez la tête vers la droite.
prompt-turn-up = Levez le menton.
prompt-turn-down = Baissez le menton.

## The person is let in.
welcome = Bienvenue, { $name }.
unlocked = La porte est déverrouillée.

## The person is not let in.
refused-not-recognized = Votre visage n’a pas été reconnu.
refused-face-not-clear = Votre visage n’est pas bien visible. Regardez la caméra.
refused-too-far = Rapprochez-vous de la caméra.
refused-not-live = La porte n’a pas pu confirmer la présence d’une personne. Réessayez.
refused-several-faces = Une seule personne à la fois devant la caméra, s’il vous plaît.
refused-just-let-in = La porte vient de s’ouvrir pour vous. Patientez un instant, puis réessayez.
refused-still-in-view = La porte s’est déjà ouverte pour vous. Sortez de l’image, puis revenez.
refused-no-access = Vous n’avez pas accès ici. Adressez-vous au responsable de la porte.
refused-outside-hours = Vous n’avez pas accès à cette heure-ci.
refused-paused = Trop de tentatives. Réessayez plus tard.
refused-out-of-order = La porte est hors service. Utilisez une autre entrée.

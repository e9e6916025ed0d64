### French.

## On every page.
skip = Aller au contenu
nav = Pages
nav-door = Porte
nav-live = Image en direct
nav-account = Compte
sign-out = Se déconnecter
cancel = Annuler
save = Enregistrer
duration-minutes = { $number } min
duration-hours = { $number } h
duration-days = { $number } jours

## Signing in.
sign-in-title = Connexion
sign-in = Se connecter
sign-in-name = Nom
sign-in-password = Mot de passe
sign-in-wrong = Le nom ou le mot de passe est incorrect.
sign-in-pair = J’ai un code à usage unique
done-signed-out = Vous êtes déconnecté.
done-signed-out-everywhere = Tous les navigateurs sont déconnectés.

## Pairing a browser by a one-time code.
pair-title = Associer ce navigateur
pair-how = Un administrateur obtient un code sur la carte avec :
pair-code = Code à usage unique
pair = Associer
pair-sign-in = J’ai un compte
pair-wrong-code = Ce code n’est pas valable : il est mal saisi, déjà utilisé ou expiré. Demandez-en un autre.
done-paired = Bienvenue, { $name }. Connectez-vous désormais avec ce nom et votre mot de passe.

## Passwords.
password-new = Nouveau mot de passe
password-again = Nouveau mot de passe, encore une fois
password-current = Mot de passe actuel
password-hint = Au moins { $number } caractères.
password-too-short = Le mot de passe doit avoir au moins { $number } caractères.
password-too-long = Le mot de passe est trop long.
password-too-easy = Le mot de passe est trop facile à deviner.
password-differs = Les deux mots de passe sont différents.
password-wrong = Le mot de passe actuel est incorrect.

## The door.
door-title = Porte
mode-normal = Normal : les personnes enregistrées peuvent entrer
mode-held-open = Maintenue ouverte encore { $number } min
mode-locked-down = Verrouillée : les visages n’ouvrent pas la porte
mode-fault = Verrouillée par une panne jusqu’au redémarrage
state-no-relay = Aucun relais n’est configuré : rien ne s’ouvre.
state-no-camera = La caméra ne donne pas d’images.
state-contact = Contact de porte
state-open = ouverte
state-closed = fermée
state-unknown = inconnu
state-exit = Bouton de sortie
state-pressed = appuyé
state-not-pressed = non appuyé
state-people = Personnes enregistrées
state-liveness = Détection des photos
state-model = Modèle
state-version = Version
state-uptime = En marche depuis
door-control = Ouvrir et verrouiller
door-open = Ouvrir la porte
door-hold-for = Maintenir ouverte pendant
door-hold = Maintenir ouverte
door-normal = Revenir à la normale
door-lockdown = Verrouiller
door-lockdown-hint = Pendant un verrouillage, aucun visage n’ouvre la porte. Le bouton de sortie l’ouvre.
open-title = Ouvrir la porte ?
open-question = La porte « { $name } » s’ouvre une fois, pour toute personne qui se trouve devant.
done-opened = La porte a été ouverte.
done-held = La porte est maintenue ouverte.
done-locked-down = La porte est verrouillée.
done-normal = La porte fonctionne normalement.

## The live picture. What a person before the camera should do.
live-title = Image en direct
live-picture = L’image de la caméra de la porte
live-waiting = En attente d’une image …
live-lost = Pas de connexion. Nouvel essai en cours.
live-nobody = Personne n’est dans l’image.
live-failed = La porte ne donne pas d’image.
live-unknown = personne inconnue
advice-too-small = s’approcher
advice-too-dark = trop sombre : éclairer le visage
advice-too-bright = trop clair : éviter la lumière dans la caméra
advice-blurred = flou : ne pas bouger
advice-turned-away = regarder droit vers la caméra
advice-tilted = tenir la tête droite
advice-eyes-covered = les yeux sont cachés : retirer les lunettes noires
advice-mouth-covered = la bouche est cachée : retirer le masque
advice-cut-off = le bord de l’image coupe le visage : se placer dans l’image
advice-not-upright = la tête est à l’envers, de côté ou presque cachée

## The account.
account-title = Compte
account-name = Nom
account-role = Rôle
role-viewer = observateur : peut regarder
role-operator = opérateur : peut aussi ouvrir et verrouiller
role-admin = administrateur : peut tout faire
account-language = Langue
account-language-browser = Comme le navigateur
account-password = Mot de passe
account-change-password = Changer le mot de passe
account-sessions = Navigateurs connectés
account-session-began = Connecté
account-session-used = dernière utilisation
account-sign-out-everywhere = Se déconnecter partout
done-language = La langue est enregistrée.
done-password = Le mot de passe est changé. Les autres navigateurs sont déconnectés.

## Errors.
error-title = Cela ne marche pas
error-back = Retour à la première page
error-not-signed-in = Vous n’êtes pas connecté.
error-account-ended = Ce compte n’est plus valable. Demandez un nouveau code à un administrateur.
error-not-allowed = Votre rôle ne le permet pas.
error-refused = La porte refuse. Elle indique :
error-door-silent = La porte ne répond pas. Elle redémarre peut-être ; réessayez dans une minute.
error-not-found = Cette page n’existe pas.
error-other-site = La demande vient d’un autre site et a été refusée. Ouvrez la page de la console et réessayez.
error-bad-request = Le formulaire est incomplet. Revenez en arrière et réessayez.
error-too-large = L’envoi est trop volumineux.
error-too-many = Trop d’essais. Attendez une minute, puis réessayez.
error-busy = La console est occupée. Réessayez dans un instant.
error-internal = La console a une erreur. Son journal en dit plus.

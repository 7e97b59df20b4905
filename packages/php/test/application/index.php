<?php

// A small application. The environment variable LAPSE_OPTIONS has the arguments of Lapse's constructor, as JSON.

declare(strict_types=1);

require_once __DIR__ . '/../../Lapse.php';

session_start();
$lapse = new Lapse\Lapse(...json_decode(getenv('LAPSE_OPTIONS'), true));

switch (parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH)) {
    case '/sign-in':
        session_regenerate_id(true);
        $_SESSION['lapse'] = $lapse->createSession(subject: $_GET['subject']);
        break;
    case '/sign-out':
        $lapse->ended(...$_SESSION['lapse'], reason: 'logout');
        $_SESSION = [];
        break;
}
if (isset($_SESSION['lapse'])) {
    $lapse->active(...$_SESSION['lapse']);
}
echo "<!doctype html><title>Acme</title>\n", $lapse->tag($_SESSION['lapse'] ?? null), "\n";
